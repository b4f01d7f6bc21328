"""Print values as they change, a given number of them. `watch.py [COUNT]`"""

import sys
from datetime import UTC, datetime

import lineshaft


def main(count: int) -> None:
    with lineshaft.connect() as client:
        paths = [tag["path"] for tag in client.tags()]
        for message in client.live(paths):
            for path, microseconds, value, status in message.get("values", ()):
                moment = datetime.fromtimestamp(microseconds / 1e6, UTC)
                print(f"{moment:%H:%M:%S.%f} {path.rsplit('/', 1)[-1]:<10} {value} (status 0x{status:08X})")
                count -= 1
                if count <= 0:
                    return


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
