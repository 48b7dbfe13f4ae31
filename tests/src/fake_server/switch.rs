//! An address that can be switched between servers.

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards bytes to the present target until the runtime ends. A change of the target closes connections. Returns its address.
///
/// # Errors
/// If there is no free port.
pub async fn switch(first: String) -> Result<(String, watch::Sender<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("https://{}", listener.local_addr()?);
    let (sender, receiver) = watch::channel(first);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut target = receiver.clone();
            let host = target.borrow_and_update().clone();
            tokio::spawn(async move {
                let Ok(mut far) = TcpStream::connect(host).await else {
                    return;
                };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = target.changed() => {}
                }
            });
        }
    });
    Ok((address, sender))
}
