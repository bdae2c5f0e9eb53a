#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where files are.
enum Paths {
    /// A path from the root, whatever the working folder.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// `tessera` in the user's data folder (XDG base directories).
    static var defaultDataFolder: String {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") { return folder + "/tessera" }
        let home = environment["HOME"] ?? FileManager.default.currentDirectoryPath
        return home + "/.local/share/tessera"
    }
}
