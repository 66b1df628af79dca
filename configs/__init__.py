"""What a person writes down: models, logs, objectives and segments as strict YAML.

For: the schema, the loader that reports every problem at once with its place, the error
types, the shipped demo and standard configurations.

Never: reads an inference log, computes a number, opens the store, or guesses a value that a
person has to decide.
"""
