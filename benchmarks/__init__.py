"""Us beside the strongest library for each job, on the same work, in the same run."""
