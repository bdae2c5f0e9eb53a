import SessionEngine

@testable import CoreDriverInterface

/// Where a catalogue and the table by hand disagree, cell by cell.
extension VersionTable {
    /// The first disagreements, at most `limit`.
    static func disagreements(with edition: Catalogue.Edition, limit: Int = .max) -> [String] {
        var found: [String] = []
        for index in versions.indices {
            let dialect = Dialect(version: versions[index], edition: edition)
            for row in routes where found.count < limit { found += disagreement(row, index, dialect, edition) }
            for row in memberCells where found.count < limit { found += disagreement(row, index, dialect) }
            for row in inputs where found.count < limit { found += disagreement(row, index, dialect) }
            found += overlaps(at: versions[index], edition)
            if dialect.rules != expectedRules[index] { found.append("rules at \(names[index])") }
            if found.count >= limit { break }
        }
        return found
    }

    private static func disagreement(
        _ row: RouteRow, _ index: Int, _ dialect: Dialect, _ edition: Catalogue.Edition
    ) -> [String] {
        let here = edition.routes.filter { $0.path == row.path }
        let match = RouteMatch(app: .public, tenant: .public, routes: here)
        let found: CoreOperation?
        do {
            _ = try match.dialect(header: names[index], edition: edition)
            found = try match.operation(method: row.method.rawValue, dialect: dialect)
        } catch {
            found = nil
        }
        let expected = row.span.indices.contains(index) ? row.operation : nil
        return found == expected ? [] : ["\(row.method.rawValue) \(row.path) at \(names[index])"]
    }

    private static func disagreement(_ cell: MemberCell, _ index: Int, _ dialect: Dialect) -> [String] {
        guard (shapes[cell.shape] ?? always).indices.contains(index) else { return [] }
        // A member within one that is not there is not there either.
        let parts = cell.path.split(separator: ".")
        let isShown = parts.indices.allSatisfy { index in
            dialect.shows(parts[...index].joined(separator: "."), in: cell.shape)
        }
        return isShown == cell.span.indices.contains(index) ? [] : ["\(cell.shape) \(cell.path) at \(names[index])"]
    }

    private static func disagreement(_ row: InputRow, _ index: Int, _ dialect: Dialect) -> [String] {
        let expected = row.presences.first { $0.span.indices.contains(index) }?.presence ?? .ignored
        let found = dialect.presence(of: row.name, in: row.operation)
        return found == expected ? [] : ["\(row.operation) \(row.name) at \(names[index])"]
    }

    /// Fields about which two entries say something for one version; the dialect would take the later one.
    private static func overlaps(at version: CDIVersion, _ edition: Catalogue.Edition) -> [String] {
        var seen: Set<String> = []
        return edition.inputs.filter { $0.availability.contains(version) }
            .map { "\($0.operation) \($0.name) twice at \(version)" }.filter { !seen.insert($0).inserted }
    }

    private struct MemberCell: Sendable {
        let shape: ReplyShape
        let path: String
        let span: Span
    }

    private static let memberCells = members.flatMap { row in
        row.paths.map { MemberCell(shape: row.shape, path: $0, span: row.span) }
    }

    private static let expectedRules = versions.indices.map { index in
        var expected = DialectRules()
        for row in rules where row.span.indices.contains(index) { row.apply(&expected) }
        return expected
    }

    /// Names of everything in the table, to compare with the names in a catalogue.
    static var memberNames: [String] { memberCells.map { "\($0.shape) \($0.path)" } }
    static var inputNames: Set<String> { Set(inputs.map { "\($0.operation) \($0.name)" }) }
    static var routeNames: Set<String> { Set(routes.map { "\($0.method) \($0.path) \($0.operation)" }) }

    /// The versions in which any of the replies exists.
    static func versions(of replies: [ReplyShape]) -> [CDIVersion] {
        versions.indices.filter { index in
            replies.contains { (shapes[$0] ?? always).indices.contains(index) }
        }.map { versions[$0] }
    }

    /// The versions in which any of the operations has a route.
    static func versions(of operations: [CoreOperation]) -> [CDIVersion] {
        versions.indices.filter { index in
            routes.contains { operations.contains($0.operation) && $0.span.indices.contains(index) }
        }.map { versions[$0] }
    }
}
