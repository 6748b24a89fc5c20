"""What a process pays before the first document is packed."""


class Startup:
    def timeraw_import_fastpack(self):
        return "import fastpack"

    def timeraw_import_fastpack_pack(self):
        return "from fastpack import pack"

    def timeraw_import_polars(self):
        return "import polars"

    def timeraw_help(self):
        return """
        import contextlib, io
        from fastpack.cli.main import main
        with contextlib.redirect_stdout(io.StringIO()):
            with contextlib.suppress(SystemExit):
                main(["--help"])
        """

    def timeraw_first_pack(self):
        return """
        import numpy, fastpack
        fastpack.pack(numpy.array([8, 6, 6, 4, 3]), context_length=8)
        """
