"""The snapshot as metric families, and the text they are exposed in. All pure."""
