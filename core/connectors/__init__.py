"""One file per network, all speaking the protocol in `base.py`. No database, no Streamlit."""
