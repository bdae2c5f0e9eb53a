import Foundation
import TestSupport
import Testing

/// `Vectors/tokens.json`, read once.
enum Vectors {
    private static let result = Result {
        guard let url = Bundle.module.url(forResource: "tokens", withExtension: "json", subdirectory: "Vectors") else {
            throw TestSupportError("Vectors/tokens.json is not in the bundle")
        }
        return try TokenVectors(Data(contentsOf: url))
    }

    static func load() throws -> TokenVectors { try result.get() }
}
