"""Sends slides and DICOM files from the browser, resumably."""
