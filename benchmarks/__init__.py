"""Measurements that people start by hand."""
