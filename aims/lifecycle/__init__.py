"""The life cycle of a nonconformity (clause 10.2): its states, what each step needs, and how its effect is judged.

For: the states and steps, the guards that say what is missing, the dossier of what people recorded, deadlines,
recurrence, the search for similar nonconformities, and the judgement of effectiveness from measurements.

Never: reads a clock or a file, asks a person, or lets missing data count as effective.
"""
