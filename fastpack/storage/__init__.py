"""Storage: files of this machine and objects of a store, by one set of functions.

location has what names them: a `Path`, or a `Url` of s3://, gs://, az:// or hf://.
objects are the requests to a store, each retried and its errors named; hub those to
Hugging Face. access is what is done to either kind: size, bytes, removal, and the
arguments for Polars.

Polars reads and writes tables at a URL itself. It has no conditional write, no listing
and no ETag, which a lock and a manifest need: these are of obstore (extra ``cloud``).
It and Polars are made of the same Rust crate, so they take the same options; it comes
as one package of 16 MB without dependencies. s3fs would bring 40 MB of an own client
for S3 alone, and fsspec has no conditional write for all stores.

May import: option_checks, errors.
"""
