"""Lets whatsmeow open a database and prints, as JSON, the devices and what it logged.

usage: devices.py FILE

A file that is not there is made, and an older one brought up to date, as whatsmeow does it.
"""

import ctypes
import glob
import json
import sys
import sysconfig


def main(file):
    folder = sysconfig.get_path("purelib")
    (library,) = glob.glob(f"{folder}/neonize/neonize-linux-*.so")
    whatsmeow = ctypes.CDLL(library)
    logger = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)
    logged = []
    log = logger(lambda text, length: logged.append(ctypes.string_at(text, length)))
    whatsmeow.GetAllDevices.argtypes = [ctypes.c_char_p, logger]
    whatsmeow.GetAllDevices.restype = ctypes.c_void_p
    answer = whatsmeow.GetAllDevices(file.encode(), log)
    devices = ctypes.string_at(answer).decode()
    # Records of address, push name, business name and whether the device is complete.
    records = [record.split(",") for record in devices.split("|\x01|") if record]
    text = [entry.decode(errors="replace") for entry in logged]
    print(json.dumps({"devices": records, "logged": text}))


main(sys.argv[1])
