"""Pools of workers: local processes, this process, or a dask cluster."""
