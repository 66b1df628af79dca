"""What the store holds, in forms that other programs read: OSCAL, operational records and xAPI.

For: pure functions of the store; the same store gives the same bytes.

Never: writes to the store, decides whether evidence was enough, or leaves out what speaks against the organisation.
"""
