"""Registers of the management system: small, plain records of many types, each declared in one file.

For: the common header of every record, its versions, their review and approval, and links to documents kept elsewhere.

Never: edits documents, changes a version once written, or deletes a record.
"""
