"""Pure proofs: the Merkle tree of RFC 6962 and the signed notes of C2SP. No files, no clock, no database."""
