//! Small databases of each format for tests.

const INT32: u32 = 4;
const STRING: u32 = 6;
const STRINGS: u32 = 8;

/// A header of these entries: tag, type, count, bytes.
pub(super) fn entries(entries: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, kind, count, bytes) in entries {
        if *kind == INT32 {
            store.resize(store.len().next_multiple_of(4), 0);
        }
        for number in [*tag, *kind, u32::try_from(store.len()).unwrap(), *count] {
            index.extend(number.to_be_bytes());
        }
        store.extend_from_slice(bytes);
    }
    let count = u32::try_from(entries.len()).unwrap();
    let length = u32::try_from(store.len()).unwrap();
    [&count.to_be_bytes()[..], &length.to_be_bytes(), &index, &store].concat()
}

pub(super) fn header(name: &str, epoch: Option<u32>) -> Vec<u8> {
    let texts =
        [format!("{name}\0"), format!("{name}-5.1.8-6.el9.src.rpm\0"), format!("{name}\0sh\0{name}.conf\0")];
    let epoch_bytes = epoch.unwrap_or_default().to_be_bytes();
    let mut list: Vec<(u32, u32, u32, &[u8])> = vec![
        (63, 7, 16, &[0; 16]),
        (1000, STRING, 1, texts[0].as_bytes()),
        (1001, STRING, 1, b"5.1.8\0"),
        (1002, STRING, 1, b"6.el9\0"),
        (1014, STRING, 1, b"GPLv3+\0"),
        (1022, STRING, 1, b"x86_64\0"),
        (1044, STRING, 1, texts[1].as_bytes()),
        (1116, INT32, 3, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (1117, STRINGS, 3, texts[2].as_bytes()),
        (1118, STRINGS, 2, b"/usr/bin/\0/etc/\0"),
        (5096, STRING, 1, b"shells:9:920240101:abcdef\0"),
    ];
    if epoch.is_some() {
        list.push((1003, INT32, 1, &epoch_bytes));
    }
    entries(&list)
}

/// A header that needs several pages in every format.
pub(super) fn large_header(name: &str) -> Vec<u8> {
    let name = format!("{name}\0");
    entries(&[
        (1000, STRING, 1, name.as_bytes()),
        (1001, STRING, 1, b"1\0"),
        (1002, STRING, 1, b"2\0"),
        (1004, STRING, 1, &[&[b'x'; 3000][..], b"\0"].concat()),
    ])
}

pub(super) fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let mut slots = [b"RpmP".as_slice(), &[0; 8], &1_u32.to_le_bytes(), &[0; 16]].concat();
    let mut blobs = Vec::new();
    for (number, header) in (1_u32..).zip(headers) {
        let length = u32::try_from(header.len()).unwrap();
        let place = u32::try_from((4096 + blobs.len()) / 16).unwrap();
        let units = (length + 16 + 12).div_ceil(16);
        blobs.extend_from_slice(b"BlbS");
        for field in [number, 1, length] {
            blobs.extend(field.to_le_bytes());
        }
        blobs.extend_from_slice(header);
        blobs.resize((place + units) as usize * 16 - 4096 - 12, 0);
        blobs.extend([&[0; 4][..], &length.to_le_bytes(), b"BlbE"].concat());
        slots.extend_from_slice(b"Slot");
        for field in [number, place, units] {
            slots.extend(field.to_le_bytes());
        }
    }
    while slots.len() < 4096 {
        slots.extend([b"Slot".as_slice(), &[0; 12]].concat());
    }
    [slots, blobs].concat()
}

pub(super) const BERKELEY_PAGE: usize = 1024;

/// One page of items; headers that do not fit there lie on pages behind it.
pub(super) fn berkeley(headers: &[Vec<u8>], is_big: bool) -> Vec<u8> {
    let u32 = |number: usize| {
        let number = u32::try_from(number).unwrap();
        if is_big { number.to_be_bytes() } else { number.to_le_bytes() }
    };
    let u16 = |number: usize| {
        let number = u16::try_from(number).unwrap();
        if is_big { number.to_be_bytes() } else { number.to_le_bytes() }
    };
    let mut pages = vec![vec![0; BERKELEY_PAGE]; 2];
    let (mut items, mut end) = (Vec::new(), BERKELEY_PAGE);
    let mut put = |page: &mut Vec<u8>, item: &[u8]| {
        end -= item.len();
        page[end..end + item.len()].copy_from_slice(item);
        items.push(end);
    };
    put(&mut pages[1], &[1, 0, 0, 0, 0]);
    put(&mut pages[1], &[1, 9, 0, 0, 0]);
    for (number, header) in headers.iter().enumerate() {
        put(&mut pages[1], &[&[1][..], &u32(number + 1)].concat());
        if number == 0 {
            // A small one has its place beside its key.
            put(&mut pages[1], &[&[1][..], header].concat());
            continue;
        }
        let first = pages.len();
        put(&mut pages[1], &[&[3, 0, 0, 0][..], &u32(first), &u32(header.len())].concat());
        let pieces: Vec<&[u8]> = header.chunks(BERKELEY_PAGE - 26).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let next = if at + 1 == pieces.len() { 0 } else { first + at + 1 };
            let start = [&[0; 16][..], &u32(next), &u16(1), &u16(piece.len()), &[0, 7]].concat();
            let mut page = [&start, *piece].concat();
            page.resize(BERKELEY_PAGE, 0);
            pages.push(page);
        }
    }
    pages[1][20..22].copy_from_slice(&u16(items.len()));
    pages[1][25] = 13;
    for (number, item) in items.iter().enumerate() {
        let at = 26 + 2 * number;
        pages[1][at..at + 2].copy_from_slice(&u16(*item));
    }
    let last = pages.len() - 1;
    for (at, number) in [(12, 0x0006_1561), (16, 9), (20, BERKELEY_PAGE), (32, last)] {
        pages[0][at..at + 4].copy_from_slice(&u32(number));
    }
    pages[0][25] = 8;
    pages.concat()
}

const SQLITE_PAGE: usize = 1024;

/// The schema on the first page, an interior page, and a leaf for each header, with overflow pages behind it.
pub(super) fn sqlite(headers: &[Vec<u8>]) -> Vec<u8> {
    let schema = record(&[b"table", b"Packages", b"Packages", &[2], b"CREATE TABLE Packages (...)"], true);
    let mut first = leaf(100, &schema, None);
    first[..16].copy_from_slice(b"SQLite format 3\0");
    first[16..18].copy_from_slice(&[4, 0]);
    let mut pages = vec![first, Vec::new()];
    let mut leaves = Vec::new();
    for header in headers {
        leaves.push(u32::try_from(pages.len() + 1).unwrap());
        let row = record(&[b"", header], false);
        if row.len() <= SQLITE_PAGE - 35 {
            pages.push(leaf(0, &row, None));
            continue;
        }
        let least = (SQLITE_PAGE - 12) * 32 / 255 - 23;
        let local = least + (row.len() - least) % (SQLITE_PAGE - 4);
        let local = if local <= SQLITE_PAGE - 35 { local } else { least };
        let (here, there) = row.split_at(local);
        pages.push(leaf(0, here, Some((row.len(), pages.len() + 2))));
        let pieces: Vec<&[u8]> = there.chunks(SQLITE_PAGE - 4).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let next = if at + 1 == pieces.len() { 0 } else { u32::try_from(pages.len() + 2).unwrap() };
            let mut page = [&next.to_be_bytes()[..], piece].concat();
            page.resize(SQLITE_PAGE, 0);
            pages.push(page);
        }
    }
    pages[1] = interior(&leaves);
    pages.concat()
}

/// Texts (the fourth a number) or a NULL and a blob.
fn record(columns: &[&[u8]], is_schema: bool) -> Vec<u8> {
    let mut types = Vec::new();
    for (number, column) in columns.iter().enumerate() {
        match (is_schema, number) {
            (true, 3) => types.push(1),
            (true, _) => types.extend(varint(13 + 2 * column.len())),
            (false, 0) => types.push(0),
            (false, _) => types.extend(varint(12 + 2 * column.len())),
        }
    }
    [&[u8::try_from(types.len() + 1).unwrap()][..], &types, &columns.concat()].concat()
}

fn leaf(start: usize, payload: &[u8], overflow: Option<(usize, usize)>) -> Vec<u8> {
    let mut cell = varint(overflow.map_or(payload.len(), |(length, _)| length));
    cell.push(1);
    cell.extend_from_slice(payload);
    if let Some((_, page)) = overflow {
        cell.extend(u32::try_from(page).unwrap().to_be_bytes());
    }
    let mut page = vec![0; SQLITE_PAGE];
    let place = SQLITE_PAGE - cell.len();
    page[place..].copy_from_slice(&cell);
    page[start] = 0x0d;
    page[start + 4] = 1;
    page[start + 8..start + 10].copy_from_slice(&u16::try_from(place).unwrap().to_be_bytes());
    page
}

fn interior(leaves: &[u32]) -> Vec<u8> {
    let mut page = vec![0; SQLITE_PAGE];
    let (last, others) = leaves.split_last().unwrap();
    page[0] = 0x05;
    page[4] = u8::try_from(others.len()).unwrap();
    page[8..12].copy_from_slice(&last.to_be_bytes());
    for (number, leaf) in others.iter().enumerate() {
        let place = SQLITE_PAGE - 5 * (number + 1);
        page[place..place + 4].copy_from_slice(&leaf.to_be_bytes());
        let pointer = 12 + 2 * number;
        page[pointer..pointer + 2].copy_from_slice(&u16::try_from(place).unwrap().to_be_bytes());
    }
    page
}

fn varint(number: usize) -> Vec<u8> {
    let low = |number: usize| u8::try_from(number & 0x7f).unwrap();
    let mut bytes = vec![low(number)];
    let mut rest = number >> 7;
    while rest > 0 {
        bytes.insert(0, low(rest) | 0x80);
        rest >>= 7;
    }
    bytes
}
