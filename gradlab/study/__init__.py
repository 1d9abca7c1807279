"""Studies: a question, a grid of runs, and the way from a checked file to recorded data.

The parts are imported by name (`gradlab.study.plan`), because some of them need torch and some do not.
"""
