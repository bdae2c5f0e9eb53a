/// Recognises by its first bytes what is often given in place of a plain dump.
enum FileFormat {
    private static let others: [(start: [UInt8], advice: String)] = [
        (Array("PGDMP".utf8), "a dump in pg_dump's custom format; run: pg_restore --file=plain.sql THE_FILE"),
        ([0x1F, 0x8B], "compressed with gzip; run gunzip first"),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd; run unzstd first"),
        ([0x04, 0x22, 0x4D, 0x18], "compressed with lz4; run unlz4 first"),
        (Array("BZh".utf8), "compressed with bzip2; run bunzip2 first"),
        (Array("PK\u{3}\u{4}".utf8), "a zip archive; unpack it first"),
        (Array("SQLite format 3".utf8), "an SQLite database and not a dump of PostgreSQL"),
        (Array("-- MySQL dump".utf8), "a dump of MySQL; only dumps of PostgreSQL can be imported"),
        (Array("-- MariaDB dump".utf8), "a dump of MariaDB; only dumps of PostgreSQL can be imported"),
        ([0xFF, 0xFE], "text in UTF-16; write it with pg_dump --file=FILE and not through a shell's >"),
        ([0xFE, 0xFF], "text in UTF-16; write it with pg_dump --file=FILE and not through a shell's >"),
    ]

    /// Refuses what cannot be a plain dump.
    ///
    /// - Throws: ``ImportError`` with ``ImportError/Kind/notADump``.
    static func check(_ source: any DumpSource) throws(ImportError) {
        var start: [UInt8] = []
        let chunks = try source.open()
        while start.count < 16 {
            let next = try chunks.next()
            if next.isEmpty { break }
            start += next
        }
        if start.isEmpty { throw ImportError(.notADump, "the file is empty") }
        if let other = others.first(where: { start.starts(with: $0.start) }) {
            throw ImportError(.notADump, "the file is \(other.advice)")
        }
    }
}
