import CoreDriverInterface
import Testing

/// The versions that an operator allows (docs/specification/core.md 1.1).
struct VersionBoundsTests {
    private func outcome(_ path: String, _ header: String?, _ bounds: VersionBounds) throws -> String {
        let match = try #require(RouteMatch(path: path))
        do throws(InvalidRequest) {
            return try match.dialect(header: header, bounds: bounds).version.description
        } catch {
            return "\(error.status) \(error.text)"
        }
    }

    private func bounds(_ oldest: String?, _ newest: String?) throws -> VersionBounds {
        var bounds = VersionBounds.all
        if let newest { bounds = try VersionBounds(through: newest) }
        if let oldest { bounds = try bounds.narrowed(by: VersionBounds(from: oldest)) }
        return bounds
    }

    @Test(
        "versions out of bounds are refused with the texts of the cores",
        arguments: [
            (
                "/recipe/session", "5.0", "5.1", "5.1",
                "400 cdi-version 5.0 is lower than the minimum allowed version 5.1"
            ),
            ("/recipe/session", "5.2", "5.1", "5.1", "400 cdi-version 5.2 not supported"),
            ("/recipe/session", "5.1", "5.1", "5.1", "5.1"), ("/recipe/session", nil, "5.0", "5.1", "5.1"),
            ("/recipe/session", nil, nil, "5.0", "5.0"), ("/session", "2.0", "2.0", nil, "2.0"),
            ("/session", nil, "2.0", nil, "400 cdi-version 1.0 is lower than the minimum allowed version 2.0"),
            ("/recipe/session", "9.9", nil, "5.0", "400 cdi-version 9.9 not supported"),
        ] as [(String, String?, String?, String?, String)])
    func refusals(path: String, header: String?, oldest: String?, newest: String?, expected: String) throws {
        #expect(try outcome(path, header, bounds(oldest, newest)) == expected)
    }

    @Test("without bounds nothing changes", arguments: Catalogue.supported)
    func unbounded(version: CDIVersion) throws {
        let paths = ["/session", "/recipe/session"]
        #expect(try paths.contains { try outcome($0, version.description, .all) == version.description })
        #expect(VersionBounds.all.versions == Catalogue.supported)
    }

    @Test("what needs no version is not bound by any", arguments: ["/hello", "/apiversion", "/config"])
    func versionFree(path: String) throws {
        #expect(try !outcome(path, nil, bounds("2.0", "2.1")).hasPrefix("400"))
    }

    @Test("bounds that exclude each other are none")
    func contradiction() throws {
        #expect(throws: VersionBounds.Problem.contradictory) { try bounds("5.1", "5.0") }
        #expect(throws: VersionBounds.Problem.notAVersion) { try bounds("5", nil) }
        #expect(throws: VersionBounds.Problem.notSupported) { try bounds(nil, "9.9") }
    }
}
