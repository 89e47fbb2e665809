"""Foreign bytes to pages: a process of its own for each file, images by Pillow and libheif, PDF by PDFium."""
