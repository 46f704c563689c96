"""Engines: what runs a language model. A request goes in, a completion comes out (``gen/teachers/request.py``)."""
