"""What people look at: the state of the models, read through the store.

For: the Streamlit application and its charts.

Never: computes a metric, opens the database file itself, imports the monitors, or puts
unescaped text into a page.
"""
