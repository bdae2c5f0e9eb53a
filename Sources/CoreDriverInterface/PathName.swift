public import SessionEngine

/// The names that apps and tenants may have, because they are segments of paths (docs/specification/core.md 1.2).
public enum PathName {
    /// What stands before an app's name in a path.
    static let appPrefix = "appid-"
    /// The longest name in bytes, as the cores' databases have it (docs/specification/core.md 6).
    static let maximumLength = 64
    /// Segments that begin the cores' own paths.
    private static let reserved: Set<String> = ["recipe", "config", "users", "hello"]

    /// Whether a segment in lower case can be a name at all.
    static func isName(_ segment: Substring) -> Bool {
        !segment.isEmpty
            && segment.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            }
    }

    /// Whether a segment in lower case names a tenant, and neither an app nor the beginning of a path.
    static func isTenant(_ segment: Substring) -> Bool {
        isName(segment) && !segment.hasPrefix(appPrefix) && !reserved.contains(String(segment))
    }

    /// The app of that name, for a driver that makes or ends one.
    ///
    /// - Throws: ``InvalidRequest`` for a text that no path could name.
    public static func app(_ text: String) throws(InvalidRequest) -> AppID { AppID(try name(text, of: "appId")) }

    /// The tenant of that name, for a driver that makes or ends one.
    ///
    /// - Throws: ``InvalidRequest`` for a text that no path could name.
    public static func tenant(_ text: String) throws(InvalidRequest) -> TenantID {
        TenantID(try name(text, of: "tenantId"))
    }

    private static func name(_ text: String, of field: String) throws(InvalidRequest) -> String {
        let name = text.lowercased()
        guard isTenant(name[...]), name.utf8.count <= maximumLength else { throw .tenancy(.name(field)) }
        return name
    }
}
