"""The shop: a small service behind nginx, with two doors that no service should have.

/upload and /run stand for a hole that lets strangers drop a file and execute it. They are here so that the
laboratory can show what happens then.
"""

import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

with open("/usr/lib/shop/settings.json", encoding="utf-8") as file:
    SETTINGS = json.load(file)


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/healthz":
            self.answer(200 if SETTINGS["healthy"] else 500, {"healthy": SETTINGS["healthy"]})
        elif path == "/version":
            self.answer(200, {"version": SETTINGS["version"]})
        else:
            self.answer(404, {"error": "no such page"})

    def do_POST(self):
        url = urlsplit(self.path)
        given = parse_qs(url.query)
        query = {name: values[0] for name, values in given.items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if url.path == "/upload":
            path = os.path.join("/tmp", os.path.basename(query.get("name", "upload")))
            with open(path, "wb") as file:
                file.write(body)
            os.chmod(path, 0o755)
            self.answer(200, {"stored": path})
        elif url.path == "/run":
            try:
                command = [query["path"], *given.get("argument", [])]
                done = subprocess.run(command, capture_output=True, timeout=10, check=False)
                self.answer(200, {"code": done.returncode, "output": done.stdout.decode(errors="replace")})
            except (OSError, subprocess.TimeoutExpired) as error:
                self.answer(500, {"error": str(error)})
        else:
            self.answer(404, {"error": "no such page"})

    def answer(self, status, body):
        text = (json.dumps(body) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 8081), Shop).serve_forever()
