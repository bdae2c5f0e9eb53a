package import LosslessJSON
package import SessionEngine

/// The names that apps and tenants may have, because they are segments of paths (docs/specification/core.md 1.2).
enum PathName {
    /// What stands before an app's name in a path.
    static let appPrefix = "appid-"
    /// The longest name in bytes, as the cores' databases have it (docs/specification/core.md 6).
    static let maximumLength = 64
    /// Segments that begin the cores' own paths.
    private static let reserved: Set<String> = ["recipe", "config", "users", "hello"]

    /// Takes the app's segment from the beginning of a path in lower case; without one it is the app `public`.
    static func takeApp(from segments: inout ArraySlice<Substring>) -> AppID {
        guard let first = segments.first, first.hasPrefix(appPrefix), isName(first.dropFirst(appPrefix.count)) else {
            return .public
        }
        segments.removeFirst()
        return AppID(String(first.dropFirst(appPrefix.count)))
    }

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

    fileprivate static func name(_ text: String, of field: String) throws(InvalidRequest) -> String {
        let name = text.lowercased()
        guard isTenant(name[...]), name.utf8.count <= maximumLength else { throw .tenancy(.name(field)) }
        return name
    }
}

/// An app's name, for a driver that makes or ends one: refused unless a path could name it.
extension AppID: WireValue {
    package static var wireType: WireType { .string }
    package static func parse(_ value: FieldValue) -> AppID? { String.parse(value).map { AppID($0) } }
    package static func read(_ value: FieldValue, of field: String) throws(InvalidRequest) -> AppID {
        AppID(try PathName.name(try String.read(value, of: field), of: field))
    }
    package var wire: JSONValue { .string(rawValue) }
}

extension TenantID {
    /// The name as the segment of a path, which has no need of encoding; `nil` where no path can name such a tenant, so that
    /// no input can change which app, tenant or operation a core is asked for.
    package var pathSegment: String? {
        guard rawValue.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let name = rawValue.lowercased()
        return PathName.isTenant(name[...]) && name.utf8.count <= PathName.maximumLength ? name : nil
    }
}

extension AppID {
    /// The segment of a path that names the app; `nil` where no path can.
    package var pathSegment: String? {
        let name = rawValue.lowercased()
        guard rawValue.utf8.allSatisfy({ $0 < 0x80 }), PathName.isTenant(name[...]),
            name.utf8.count <= PathName.maximumLength
        else { return nil }
        return PathName.appPrefix + name
    }
}

/// A tenant's name, for a driver that makes or ends one: refused unless a path could name it.
extension TenantID: WireValue {
    package static var wireType: WireType { .string }
    package static func parse(_ value: FieldValue) -> TenantID? { String.parse(value).map { TenantID($0) } }
    package static func read(_ value: FieldValue, of field: String) throws(InvalidRequest) -> TenantID {
        TenantID(try PathName.name(try String.read(value, of: field), of: field))
    }
    package var wire: JSONValue { .string(rawValue) }
}
