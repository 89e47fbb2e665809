"""`make test-gpu`, outside of CI: these tests need a CUDA device, and fail where there is none."""
