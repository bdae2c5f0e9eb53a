import SessionEngine
import Testing

@testable import CoreDriverInterface

/// The catalogue against the table by hand, and against itself with one end of one entry moved by one version.
struct VersionMutationTests {
    @Test("the catalogue agrees with the table in every version")
    func agreement() {
        #expect(Catalogue.supported == VersionTable.versions)
        let found = VersionTable.disagreements(with: .current)
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("the table has a row for everything that the catalogue names, and one only")
    func completeness() {
        let edition = Catalogue.Edition.current
        let routes = edition.routes.flatMap { route in
            route.methods.map { "\($0) \(route.path) \(route.operation)" }
        }
        #expect(Set(routes) == VersionTable.routeNames)
        let members = edition.members.flatMap { entry in entry.shapes.flatMap { s in entry.paths.map { "\(s) \($0)" } }
        }
        #expect(Set(members).subtracting(VersionTable.memberNames).isEmpty)
        #expect(Set(VersionTable.memberNames).count == VersionTable.memberNames.count)
        let inputs = edition.inputs.map { "\($0.operation) \($0.name)" }
        #expect(Set(inputs) == VersionTable.inputNames)
    }

    @Test("moving either end of any entry by one version, up or down, is noticed")
    func mutants() {
        let mutants = Self.mutants
        let survivors = mutants.filter { VersionTable.disagreements(with: $0.edition, limit: 1).isEmpty }
        #expect(survivors.isEmpty, "survived:\n\(survivors.map(\.name).joined(separator: "\n"))")
        #expect(mutants.count > 150, "\(mutants.count) mutants")
    }

    struct Mutant {
        let name: String
        let edition: Catalogue.Edition
    }

    static var mutants: [Mutant] { generationMutants + routeMutants + memberMutants + inputMutants + ruleMutants }

    private static var generationMutants: [Mutant] {
        mutants(\.generations, \.availability) {
            $0.what
        } versions: {
            Catalogue.supported.filter($0.availability.contains)
        }
    }

    private static var routeMutants: [Mutant] {
        mutants(\.routes, \.availability) {
            "\($0.methods) \($0.path)"
        } versions: {
            Catalogue.Edition.current.versions(of: $0)
        }
    }

    private static var memberMutants: [Mutant] {
        mutants(\.members, \.availability) {
            "\($0.shapes) \($0.paths)"
        } versions: { entry in
            VersionTable.versions(of: entry.shapes).filter(entry.availability.contains)
        }
    }

    private static var inputMutants: [Mutant] {
        mutants(\.inputs, \.availability) {
            "\($0.operation) \($0.name) \($0.presence)"
        } versions: { entry in
            VersionTable.versions(of: [entry.operation]).filter(entry.availability.contains)
        }
    }

    private static var ruleMutants: [Mutant] {
        // A later rule may take the place of an earlier one, so that an earlier one's open end cannot be seen.
        mutants(\.rules, \.availability) {
            $0.what
        } versions: { _ in
            []
        }
    }

    /// Every entry of one kind with each end moved.
    private static func mutants<Entry>(
        _ entries: WritableKeyPath<Catalogue.Edition, [Entry]>, _ availability: WritableKeyPath<Entry, Availability>,
        name: (Entry) -> String, versions: (Entry) -> [CDIVersion]
    ) -> [Mutant] {
        Catalogue.Edition.current[keyPath: entries].indices.flatMap { index in
            let entry = Catalogue.Edition.current[keyPath: entries][index]
            return moved(entry[keyPath: availability], within: versions(entry)).map { change, other in
                var edition = Catalogue.Edition.current
                edition[keyPath: entries][index][keyPath: availability] = other
                return Mutant(name: "\(name(entry)): \(change)", edition: edition)
            }
        }
    }

    private static let beyond: CDIVersion = "9999.0"

    /// An availability with each end one version earlier and later; an open end can only be drawn in, from the first
    /// or the last of the versions in which the entry can be seen.
    private static func moved(_ span: Availability, within versions: [CDIVersion]) -> [(String, Availability)] {
        var result: [(String, Availability)] = []
        func add(_ what: String, _ introduced: CDIVersion?, _ obsoleted: CDIVersion?) {
            result.append((what, Availability(introduced: introduced, obsoleted: obsoleted)))
        }
        if let introduced = span.introduced {
            for other in neighbours(of: introduced) { add("introduced \(other)", other, span.obsoleted) }
        } else if versions.count > 1 {
            add("introduced \(versions[1])", versions[1], span.obsoleted)
        }
        if let obsoleted = span.obsoleted {
            for other in neighbours(of: obsoleted) { add("obsoleted \(other)", span.introduced, other) }
        } else if let last = versions.last {
            add("obsoleted \(last)", span.introduced, last)
        }
        return result
    }

    private static func neighbours(of version: CDIVersion) -> [CDIVersion] {
        let all = Catalogue.supported + [beyond]
        guard let index = all.firstIndex(of: version) else { return [beyond] }
        return [index - 1, index + 1].filter(all.indices.contains).map { all[$0] }
    }
}
