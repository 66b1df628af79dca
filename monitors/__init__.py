"""What happens and when: windows, label maturity, runs, the clock, alerts and the command line.

For: planning due windows, running each one exactly once under its frozen key, backfill,
serving, notifying people, and every command of `aimsight`.

Never: defines a metric or a verdict, imports the dashboard, or hides a window that was missed.
"""
