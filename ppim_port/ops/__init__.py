"""Operators: one numpy oracle each, and the same operator in torch and in Paddle.

Importing this package loads no framework; import the file of the one you use.
"""
