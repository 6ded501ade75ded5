"""Tests of the second implementation, run by unittest."""
