"""How a tag's numbers are stored in a segment: found by trying, remembered from segment to segment."""
