"""The pages of the dashboard, one page a file.

For: laying out what the store answers.

Never: holds a query or a chart that another page needs too.
"""
