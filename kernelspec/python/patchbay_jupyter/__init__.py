"""What Jupyter's own tools look up about Patchbay: colours, scripts, parameters.

They find it by the entry points beside this folder; the kernel itself needs no Python.
"""
