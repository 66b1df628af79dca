"""What happens and when: windows, label maturity, runs, the clock and the alerts.

For: planning due windows, running each one exactly once under its frozen key, backfill,
serving, and notifying people.

Never: defines a metric or a verdict, imports the dashboard, or hides a window that was missed.
"""
