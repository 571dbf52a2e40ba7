//! Names that a script uses, read off the compiled chunk of Lua 5.1 (`lundump.c`, `lopcodes.h`).

/// How a global variable is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Called,
    Indexed,
    /// Handed on, or compared: `nil` may be meant.
    Other,
}

/// A global variable that is read.
#[derive(Debug)]
pub(super) struct Global {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) used: Use,
    /// The member that is taken of it.
    pub(super) member: Option<String>,
    /// Whether it stands outside of functions.
    pub(super) at_once: bool,
}

/// What a chunk names.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) globals: Vec<Global>,
    /// Global variables that are set.
    pub(super) set: Vec<String>,
    /// Fields of tables that are set.
    pub(super) fields: Vec<String>,
    /// Methods that are called, with their lines.
    pub(super) methods: Vec<(String, usize)>,
}

/// How many functions may stand in each other: the compiler's own limit.
const MAX_DEPTH: usize = 200;
/// Operands above this are constants (`BITRK`).
const CONSTANT: usize = 256;

const GETGLOBAL: u32 = 5;
const GETTABLE: u32 = 6;
const SETGLOBAL: u32 = 7;
const SETTABLE: u32 = 9;
const SELF: u32 = 11;
const CALL: u32 = 28;
const TAILCALL: u32 = 29;
/// Instructions whose first operand is no register that is written: jumps, tests, stores, returns.
const WRITE_NOTHING: [u32; 12] = [SETGLOBAL, 8, SETTABLE, 22, 23, 24, 25, 26, 30, 34, 35, 3];

impl Listing {
    /// Reads a chunk that was compiled and dumped in this process; `None` where it is none.
    pub(super) fn read(chunk: &[u8]) -> Option<Self> {
        let header = chunk.get(..12)?;
        let little = header[6] == 1;
        let sizes = (usize::from(header[7]), usize::from(header[8]), usize::from(header[10]));
        if &header[..5] != b"\x1bLua\x51" || header[9] != 4 {
            return None;
        }
        let mut reader = Reader { bytes: &chunk[12..], little, int: sizes.0, size: sizes.1, number: sizes.2 };
        let mut listing = Self::default();
        reader.function(&mut listing, 0)?;
        Some(listing)
    }

    fn instructions(&mut self, code: &[u32], names: &[Option<String>], lines: &[usize], at_once: bool) {
        let name = |index: usize| names.get(index).cloned().flatten();
        let constant = |operand: usize| operand.checked_sub(CONSTANT).and_then(name);
        for (index, instruction) in code.iter().enumerate() {
            let line = lines.get(index).copied().unwrap_or(1);
            let parts = Parts::of(*instruction);
            match parts.code {
                GETGLOBAL => {
                    let Some(name) = name(parts.wide) else { continue };
                    let (used, member) = used(parts.a, &code[index + 1..]);
                    let member = member.and_then(constant);
                    self.globals.push(Global { name, line, used, member, at_once });
                }
                SETGLOBAL => self.set.extend(name(parts.wide)),
                SETTABLE => self.fields.extend(constant(parts.b)),
                SELF => self.methods.extend(constant(parts.c).map(|name| (name, line))),
                _ => {}
            }
        }
    }
}

/// What becomes of the register `register`, and the operand that it is indexed with.
fn used(register: usize, code: &[u32]) -> (Use, Option<usize>) {
    for instruction in code {
        let parts = Parts::of(*instruction);
        match parts.code {
            CALL | TAILCALL if parts.a == register => return (Use::Called, None),
            // What is called first has its arguments above it.
            CALL | TAILCALL if parts.a < register => return (Use::Other, None),
            GETTABLE | SELF if parts.b == register => return (Use::Indexed, Some(parts.c)),
            SETTABLE if parts.a == register => return (Use::Indexed, None),
            // Jumps and tests: what comes next may run or not.
            22..=27 | 30 => return (Use::Other, None),
            code if parts.a == register && !WRITE_NOTHING.contains(&code) => return (Use::Other, None),
            _ => {}
        }
    }
    (Use::Other, None)
}

/// An instruction, taken apart.
struct Parts {
    code: u32,
    a: usize,
    b: usize,
    c: usize,
    wide: usize,
}

impl Parts {
    fn of(instruction: u32) -> Self {
        let field = |shift: u32, bits: u32| ((instruction >> shift) & ((1 << bits) - 1)) as usize;
        Self { code: instruction & 0x3f, a: field(6, 8), b: field(23, 9), c: field(14, 9), wide: field(14, 18) }
    }
}

/// The rest of a chunk, and the sizes of its numbers.
struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
    int: usize,
    size: usize,
    number: usize,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number(&mut self, width: usize) -> Option<usize> {
        let little = self.little;
        let bytes = self.take(width)?;
        let fold = |sum: usize, byte: &u8| sum.wrapping_shl(8) | usize::from(*byte);
        Some(if little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) })
    }

    fn count(&mut self) -> Option<usize> {
        self.number(self.int).filter(|count| *count <= self.bytes.len())
    }

    /// A string, which ends with a zero that it counts.
    fn text(&mut self) -> Option<String> {
        let length = self.number(self.size)?;
        let bytes = self.take(length)?;
        Some(String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned())
    }

    fn function(&mut self, listing: &mut Listing, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.text()?;
        // The lines that it begins and ends at; upvalues, parameters, whether it takes more, registers.
        self.take(2 * self.int + 4)?;
        let code: Vec<u32> = (0..self.count()?)
            .map(|_| self.number(4).and_then(|code| u32::try_from(code).ok()))
            .collect::<Option<_>>()?;
        let constants = (0..self.count()?).map(|_| self.constant()).collect::<Option<Vec<_>>>()?;
        for _ in 0..self.count()? {
            self.function(listing, depth + 1)?;
        }
        let lines = (0..self.count()?).map(|_| self.number(self.int)).collect::<Option<Vec<_>>>()?;
        for _ in 0..self.count()? {
            self.text()?;
            self.take(2 * self.int)?;
        }
        for _ in 0..self.count()? {
            self.text()?;
        }
        listing.instructions(&code, &constants, &lines, depth == 0);
        Some(())
    }

    /// A constant; a string's text.
    fn constant(&mut self) -> Option<Option<String>> {
        match self.number(1)? {
            0 => Some(None),
            1 => self.take(1).map(|_| None),
            3 => self.take(self.number).map(|_| None),
            4 => self.text().map(Some),
            _ => None,
        }
    }
}
