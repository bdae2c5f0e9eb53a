public import SessionEngine

/// Reads a whole dump, checks it and finds out what the import will do; writes nothing.
public struct DumpAnalysis {
    private let source: any DumpSource
    private let options: ImportOptions
    private let time: Timestamp

    /// Prepares a survey.
    ///
    /// - Parameters:
    ///   - source: the dump.
    ///   - options: how to read it.
    ///   - now: sessions that have expired by then are skipped.
    public init(of source: any DumpSource, options: ImportOptions = ImportOptions(), now: Timestamp) {
        self.source = source
        self.options = options
        time = now
    }

    /// Reads the dump from its beginning to its end.
    ///
    /// - Parameter progress: called now and then with the number of bytes read.
    /// - Throws: ``ImportError`` when the dump is damaged or nothing can be made of it.
    public func plan(progress: (Int64) -> Void = { _ in }) throws(ImportError) -> ImportPlan {
        try FileFormat.check(source)
        var reader = DumpReader(try source.open(), selection: options.tables)
        var findings = DumpSummary(mapping: options.mapping(at: time))
        var rows = 0
        while let row = try reader.nextRow() {
            try findings.take(row)
            rows += 1
            if rows % 1_024 == 0 { progress(reader.position) }
        }
        progress(reader.position)
        guard reader.found.contains(.sessions) else { throw Self.nothingFound(reader, options.tables) }
        var plan = try findings.plan(keepsSigningKey: options.keepsSigningKey)
        plan.otherTables = reader.otherRows.map { ($0.key.description, $0.value) }.sorted { $0.name < $1.name }
        plan.fingerprint = options.fingerprint(of: reader)
        return plan
    }

    private static func nothingFound(_ reader: DumpReader, _ tables: TableSelection) -> ImportError {
        let wanted = TableName(
            schema: tables.schema, table: (tables.prefix.isEmpty ? "" : "\(tables.prefix)_") + "session_info")
        let names = Set(reader.columns.keys).union(reader.otherRows.keys)
        let alike = names.filter { $0.table.hasSuffix("session_info") }.map(\.description).sorted()
        let advice =
            alike.isEmpty
            ? "is it a dump of SuperTokens' database?"
            : "it has \(alike.joined(separator: ", ")): name the schema and the prefix"
        return ImportError(.unsuitable, "the dump has no table \(wanted); \(advice)")
    }
}

extension ImportOptions {
    func mapping(at now: Timestamp) -> SessionMapping {
        SessionMapping(time: now, kindWithoutColumn: keepsSigningKey ? .static : .dynamic)
    }

    /// The contents of the dump and everything that changes how they are read.
    func fingerprint(of reader: DumpReader) -> String {
        let kind = keepsSigningKey ? "static" : "dynamic"
        return [reader.lexer.reader.fingerprint, tables.schema, tables.prefix, kind].joined(separator: "/")
    }
}
