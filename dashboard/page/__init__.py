"""The pages of the dashboard, one page a file.

For: laying out what the store answers. The folder is not called ``pages``, because Streamlit would take such a folder
beside ``app.py`` for its older kind of navigation and run a page without the app when its address is opened first.

Never: holds a query or a chart that another page needs too.
"""
