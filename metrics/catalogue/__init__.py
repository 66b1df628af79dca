"""The metrics aimsight ships, one idea a file, each a declared unit in the registry.

For: performance, drift, fairness and quality metrics with their source and interval.

Never: scans data, holds a threshold, or registers the same name twice.
"""
