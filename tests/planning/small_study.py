"""A grid of two levels and two seeds, and the node that it is planned for."""

from ablate.planning.resources import Node

NODES = (Node("here", 2, 0),)
STUDY = """\
method: invariant
dataset: digits
fixed: {training.epochs: 3}
axes: {method.epsilon: [0.4, 0.8]}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
