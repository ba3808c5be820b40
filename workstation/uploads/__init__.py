"""Files brought by browser or watched folder: received, converted, stored like any study."""
