"""PP-OCR models on ONNX Runtime: detect lines on a bounded raster, read them from the full one, put them in order."""
