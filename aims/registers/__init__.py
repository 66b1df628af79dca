"""Registers of the management system: small, plain records of many types, each declared in one file."""
