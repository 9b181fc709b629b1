"""Approvals: who people are, which keys they sign with, and what a signed statement is worth.

Separation of duties is decided in policy; here it is made certain who speaks, and as whom else.
"""
