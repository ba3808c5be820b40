"""What peers may ask of us over DICOM: one module per service."""
