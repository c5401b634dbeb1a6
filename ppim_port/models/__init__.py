"""The model families, one folder each; adding a family changes no other code.

A folder holds `family.py` (what the net is made of, no framework), `torch_net.py`
and `paddle_net.py` (the same net twice, line by line). The manifest's `family` field
names the folder.
"""
