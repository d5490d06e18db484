"""The only folder that imports Ray: one Tune trial per job."""
