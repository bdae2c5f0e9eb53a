import Foundation
import Testing

@testable import CoreDriverInterface

/// What is printed from the catalogue is whole, and the page in the documentation is what is printed.
struct VersionPageTests {
    @Test("docs/versions.md is what 'tessera versions --markdown' prints")
    func page() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/versions.md"), encoding: .utf8)
        #expect(page == VersionHistory.markdown, "make it anew: tessera versions --markdown > docs/versions.md")
    }

    @Test("the request and the replies of every operation are described")
    func descriptions() {
        for operation in CoreOperation.allCases {
            #expect(Catalogue.requests[operation] != nil, "the fields of \(operation)")
            if operation != .hello { #expect(Catalogue.outcomes[operation] != nil, "the replies of \(operation)") }
        }
    }

    @Test("every version has a document", arguments: Catalogue.supported)
    func documents(version: CDIVersion) throws {
        let text = try #require(InterfaceDescription.openAPI(versionNamed: version.description))
        let document = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: Any])
        let root = Catalogue.Edition.current.availability(of: .plain).contains(version) ? "" : "/recipe"
        #expect(paths["\(root)/session"] != nil && paths["\(root)/session/refresh"] != nil)
    }

    @Test("a version that is not spoken has none", arguments: ["", "x", "2.22", "6.0", "2.7.0"])
    func unknown(name: String) {
        #expect(InterfaceDescription.openAPI(versionNamed: name) == nil)
    }
}
