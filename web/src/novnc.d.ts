/* The part of noVNC's documented interface (docs/API.md of the package) that
 * the viewer uses. The package brings no types. */
declare module '@novnc/novnc' {
  export interface Credentials {
    username?: string;
    password?: string;
  }

  interface RfbEvents {
    connect: CustomEvent<object>;
    disconnect: CustomEvent<{ clean: boolean }>;
    credentialsrequired: CustomEvent<{ types: string[] }>;
    securityfailure: CustomEvent<{ status: number; reason?: string }>;
    clipboard: CustomEvent<{ text: string }>;
    clippingviewport: CustomEvent<boolean>;
    desktopname: CustomEvent<{ name: string }>;
  }

  export default class RFB {
    /* `channel`: anything with the properties of a WebSocket. */
    constructor(target: HTMLElement, channel: object, options?: { credentials?: Credentials });
    viewOnly: boolean;
    scaleViewport: boolean;
    resizeSession: boolean;
    clipViewport: boolean;
    dragViewport: boolean;
    focusOnClick: boolean;
    background: string;
    qualityLevel: number; /* 0 to 9 */
    compressionLevel: number; /* 0 to 9 */
    disconnect(): void;
    focus(): void;
    sendCredentials(credentials: Credentials): void;
    sendCtrlAltDel(): void;
    /* Without `down`: press and release. */
    sendKey(keysym: number, code: string | null, down?: boolean): void;
    clipboardPasteFrom(text: string): void;
    addEventListener<K extends keyof RfbEvents>(type: K, listener: (e: RfbEvents[K]) => void): void;
  }
}
