"""How metrics of each kind are measured: which parts of a window they are computed for, and from what."""
