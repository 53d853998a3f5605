"""The Grafana boards as code: one module per board, the pieces they share beside them; `python -m grafana.build`."""
